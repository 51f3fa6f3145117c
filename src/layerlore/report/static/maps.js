// The maps at feature resolution, enlarged as the renderer of this page does it (bilinear, edges held).
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

const scaleTable = bytes(data.scale); // 256 times red, green, blue, opacity

// Maps of several clusters come after the single ones; they travel as members and parts, and are put together here.
for (const layer of data.layers) {
  layer.own = layer.clusters.length;
  for (const { members, parts } of layer.merged) {
    const of = members.map((member) => layer.clusters[member]);
    const channels = of.flatMap((one) => one.channels.map((channel, i) => [channel, one.shares[i]])).sort((a, b) => b[1] - a[1]);
    layer.clusters.push({
      members, parts, of, height: of[0].height, width: of[0].width,
      peak: of.reduce((sum, one, i) => sum + parts[i] * one.peak, 0),
      channels: channels.map(([channel]) => channel), shares: channels.map(([, share]) => share),
    });
  }
}

function rawMap(cluster) {
  if (cluster.of) {
    const maps = cluster.of.map(rawMap);
    return maps[0].map((_, i) => maps.reduce((sum, map, k) => sum + cluster.parts[k] * map[i], 0));
  }
  const content = bytes(cluster.map);
  const whole = cluster.bits === 16 ? new Uint16Array(content.buffer) : content;
  return Float32Array.from(whole, (value) => value / (2 ** cluster.bits - 1));
}

function taps(size, out) {
  const low = new Uint32Array(out), high = new Uint32Array(out), part = new Float32Array(out);
  for (let i = 0; i < out; i++) {
    const position = Math.min(Math.max(((i + 0.5) * size) / out - 0.5, 0), size - 1);
    low[i] = Math.floor(position);
    high[i] = Math.min(low[i] + 1, size - 1);
    part[i] = position - low[i];
  }
  return { low, high, part };
}

// The map over the photo: enlarged, then from its lowest to its highest point scaled to [0, 1].
function shownMap(cluster, width, height) {
  const small = rawMap(cluster), x = taps(cluster.width, width), y = taps(cluster.height, height);
  const large = new Float32Array(width * height);
  let lowest = Infinity, highest = -Infinity;
  for (let row = 0; row < height; row++) {
    const above = y.low[row] * cluster.width, below = y.high[row] * cluster.width, down = y.part[row];
    for (let column = 0; column < width; column++) {
      const left = x.low[column], right = x.high[column], across = x.part[column];
      const upper = small[above + left] * (1 - across) + small[above + right] * across;
      const lower = small[below + left] * (1 - across) + small[below + right] * across;
      const value = upper * (1 - down) + lower * down;
      large[row * width + column] = value;
      if (value < lowest) lowest = value;
      if (value > highest) highest = value;
    }
  }
  const range = highest - lowest;
  for (let i = 0; i < large.length; i++) large[i] = range > 0 ? (large[i] - lowest) / range : 0;
  return large;
}

// Rank of every pixel, 0 = brightest; equal values keep reading order. Value and place are packed into one
// exact number, because a native sort of numbers is many times faster than one with a comparison.
function pixelRanks(values) {
  const pattern = new Uint32Array(values.buffer), room = 2 ** 22, one = 0x3f800000;
  const keys = new Float64Array(values.length), ranks = new Uint32Array(values.length);
  for (let i = 0; i < keys.length; i++) keys[i] = (one - pattern[i]) * room + i;
  keys.sort();
  for (let rank = 0; rank < keys.length; rank++) ranks[keys[rank] % room] = rank;
  return ranks;
}

// One view is worked on at a time, so one is remembered.
const remembered = { key: "", values: null, ranks: null };

function largeView(layerIndex, clusterIndex) {
  const key = `${layerIndex}/${clusterIndex}`;
  if (remembered.key !== key) {
    remembered.values = shownMap(data.layers[layerIndex].clusters[clusterIndex], data.width, data.height);
    remembered.ranks = null;
    remembered.key = key;
  }
  return remembered;
}

function overlayAddress(cluster, peak) {
  const shrink = data.side / Math.max(data.width, data.height);
  const width = Math.max(1, Math.round(data.width * shrink)), height = Math.max(1, Math.round(data.height * shrink));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d"), picture = context.createImageData(width, height);
  const values = shownMap(cluster, width, height);
  for (let i = 0; i < values.length; i++) {
    const level = Math.round(values[i] * peak * 255) * 4;
    for (let channel = 0; channel < 4; channel++) picture.data[i * 4 + channel] = scaleTable[level + channel];
  }
  context.putImageData(picture, 0, 0);
  return canvas.toDataURL();
}

let photoImage = null; // filled once the photo is decoded

async function loadPhoto() {
  const image = new Image();
  image.src = getComputedStyle(document.querySelector(".photo")).backgroundImage.slice(5, -2);
  await image.decode();
  photoImage = image;
}

// Pictures are put together by compositing and no pixel of the photo is ever read: a browser forbids reading a
// photo that lies beside a page opened from disk.
function sheet(fill) {
  const canvas = Object.assign(document.createElement("canvas"), { width: data.width, height: data.height });
  const context = canvas.getContext("2d"), picture = context.createImageData(data.width, data.height);
  fill(picture.data);
  context.putImageData(picture, 0, 0);
  return canvas;
}

function wash(context, mode, colour, alpha) {
  context.globalCompositeOperation = mode;
  context.globalAlpha = alpha;
  context.fillStyle = colour;
  context.fillRect(0, 0, data.width, data.height);
  context.globalCompositeOperation = "source-over";
  context.globalAlpha = 1;
}

const paintBare = (context) => context.drawImage(photoImage, 0, 0, data.width, data.height);

function paintMap(context, values, peak, strength, photoColour) {
  paintBare(context);
  wash(context, "saturation", "#808080", (1 - photoColour) * strength);
  context.globalAlpha = strength;
  context.drawImage(sheet((out) => {
    for (let i = 0; i < values.length; i++) {
      const level = Math.round(values[i] * peak * 255) * 4;
      for (let channel = 0; channel < 4; channel++) out[i * 4 + channel] = scaleTable[level + channel];
    }
  }), 0, 0);
  context.globalAlpha = 1;
}

// Exactly the brightest `part` of the pixels keep the photo; the rest is dark grey with a trace of the scene.
function paintRevealed(context, ranks, part) {
  const shown = Math.max(1, Math.round(ranks.length * part));
  const kept = sheet((out) => { for (let i = 0; i < ranks.length; i++) if (ranks[i] < shown) out[i * 4 + 3] = 255; });
  const cut = kept.getContext("2d");
  cut.globalCompositeOperation = "source-in";
  cut.drawImage(photoImage, 0, 0, data.width, data.height);
  paintBare(context);
  wash(context, "saturation", "#808080", 1);
  wash(context, "source-over", "#000", 0.84);
  wash(context, "lighter", "rgb(24 24 24)", 1);
  context.drawImage(kept, 0, 0);
}
