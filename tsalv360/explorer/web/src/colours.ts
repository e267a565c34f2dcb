// Colours that colour-blind people can tell apart, the same as in the contact sheets.

// Okabe & Ito (2008), "Color Universal Design", without black
const COLOURS = ["#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#f0e442", "#d55e00", "#0072b2"];

/** Returns the colour of the k-th event of a video. */
export function colourOf(k: number): string {
  return COLOURS[k % COLOURS.length];
}

/** Returns whether the line of the k-th event has a white core: in every second round of colours. */
export function hasCore(k: number): boolean {
  return Math.floor(k / COLOURS.length) % 2 === 1;
}

// Of matplotlib's inferno (CC0), at equal steps
const INFERNO = [
  "000004", "0a0722", "1e0c45", "380962", "510e6c", "69166e", "801f6c", "982766", "b0315b",
  "c63d4d", "d94d3d", "e9612b", "f47918", "fa9407", "fcb014", "f8cd37", "f2ea69", "fcffa4"
];

/** Returns the colours of saliency 0 to 255, RGBA. */
export function saliencyColours(): Uint8ClampedArray<ArrayBuffer> {
  const stops = INFERNO.map((one) => [0, 2, 4].map((k) => parseInt(one.slice(k, k + 2), 16)));
  const colours = new Uint8ClampedArray(4 * 256);
  for (let level = 0; level < 256; level++) {
    const place = (level / 255) * (stops.length - 1);
    const k = Math.min(Math.floor(place), stops.length - 2);
    for (let c = 0; c < 3; c++) colours[4 * level + c] = Math.round(stops[k][c] + (place - k) * (stops[k + 1][c] - stops[k][c]));
    colours[4 * level + 3] = 255;
  }
  return colours;
}
