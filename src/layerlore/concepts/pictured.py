"""English words for what people see in a part of a picture: slips are read as one of them more readily. Our list."""

from __future__ import annotations

BODY = (
    "ankle antler antlers arm arms beak beard belly bill body cheek chest chin claw claws coat collar crest crown "
    "ear ears elbow eye eyebrow eyebrows eyelash eyelashes eyelid eyes face fang fangs feather feathers feet fin "
    "finger fingers fins flank foot forehead freckles fur gill gills hair hand hands head heel hide hip hoof hooves "
    "horn horns jaw knee leg legs lip lips mane moustache mouth muscle muzzle nail nails neck nose nostril nostrils "
    "paw paws pelt plumage scale scales shell shin shoulder skin skull snout spine stomach tail tails talon teeth "
    "tentacle thigh throat thumb toe toes tongue tooth torso trunk tusk tusks udder wattle whisker whiskers wing "
    "wings wool wrist"
)
PARTS = (
    "aerial antenna arch arrow axle badge bar barrel bars base basket bell belt blade blades bolt bolts bonnet boot "
    "brake brick bricks bumper button buttons cable cables canopy chain chains clasp column columns cord cross dial "
    "dimple dimples display dome door doors engine fabric fan fence fender flag frame fringe gear glass grille grip "
    "gutter handle handles headlamp headlight hinge hole holes hook hose hoses hub icon keys knob knobs label "
    "ladder lamp latch leaf leather leaves lens letter letters lever lid light lights line lines lock logo mast "
    "metal meter mirror motor mouthpiece nozzle number numbers nut panel pedal pedals petal petals pillar pin pipe "
    "pipes piston plastic plate plug pole porch post propeller pump rail railing ramp reel rim rims ring rivet rod "
    "roof rope ropes rubber rudder rust saddle sail sails screen screw screws seam seat seats shaft shelf sign "
    "siren socket speaker speakers spire spoke spokes spout stairs steel steeple stem step steps stick stitching "
    "stone stones strap straps string strings switch tank tap tape teeth text thread tip tire tires tower trigger "
    "tube tubes tyre tyres valve valves vent wheel wheels window windows windscreen wire wires wood writing zip"
)
PLACES = (
    "animal apple bag ball balloon bark beach bench bird blanket boat book bottle bowl box branch branches bridge "
    "building bush bushes camera candle cap car carpet cat chair child cloth cloud clouds club coast crowd cup "
    "curtain desk dirt dog dress dust earth fish floor flower flowers fog food forest fountain fruit garden gate "
    "glove gloves grass gravel ground hat hedge helmet hill hills hole hook horizon house ice insect jacket jeans "
    "lake lamp land lawn log lorry man meadow moon moss mountain mountains mud net ocean painting pants path people "
    "person phone picture pillow plant plants pond puddle rain rainbow river road rock rocks room sand scarf sea "
    "shadow shirt shoe shoes shop shorts sky smoke snow sock socks soil spider stage star street suit sun "
    "sunglasses sunset table tent tie tree trees trousers truck tunnel umbrella uniform van vegetation vehicle wall "
    "water wave waves weeds woman woods yard"
)
LOOKS = (
    "angular bald beige black blue blurred blurry bright brown bumpy camo camouflage checked chequered circle "
    "circles circular colour colourful corner corners cracked cracks cream crooked cube curly curve curved curves "
    "dark diamond dirty dots dotted edge edges flat floppy fluffy furry fuzzy glossy gold golden gray green grey "
    "hairy hexagon horizontal lattice light long mesh metallic narrow net oblong orange oval pale patch patches "
    "pattern patterns pink plaid pointed pointy polka purple rectangle rectangles red reflection ridges rough round "
    "rounded rusty scaly scruffy shade shadow shaggy shape sharp shimmering shiny silhouette silver slanted slimy "
    "smooth soft spiky spiral spots spotted spotty square squares straight stripe striped stripes swirl tan texture "
    "thick thin transparent triangle triangles triangular turquoise vertical violet wavy wet white wooden woolly "
    "wrinkled wrinkles yellow zigzag"
)
PICTURED = frozenset(f"{BODY} {PARTS} {PLACES} {LOOKS}".split())
