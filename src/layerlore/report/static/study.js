// The bar of a photo's page in a study: back to the grid the reader came from; addresses of other photos.
{
  const back = byId("back"), key = `layerlore-grid ${new URL("..", location.href).pathname}`;
  try {
    const grid = JSON.parse(sessionStorage.getItem(key));
    if (grid) {
      back.href = `../index.html${grid.hash}`;
      back.querySelector("span").textContent = `Back to ${grid.title}`;
    }
  } catch { /* no storage: the link leads to the class */ }
  const elsewhere = () => {
    const id = /^#photo\/([^/]+)/.exec(location.hash)?.[1];
    if (id && `photo/${id}` !== back.dataset.home) location.replace(`../index.html${location.hash}`);
  };
  addEventListener("hashchange", elsewhere);
  elsewhere();
}
