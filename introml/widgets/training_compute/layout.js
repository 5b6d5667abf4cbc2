// Where the name of a dot goes: beside it, where neither another dot nor another name stands.

/** @typedef {{ left: number, right: number, top: number, bottom: number }} Box */
/** @typedef {{ x: number, y: number, anchor: "start" | "middle" | "end", box: Box }} Place */

const CHARACTER = 6.4; // pixels across, about
const LINE = 14;
const AWAY = 9;

/** @type {(a: Box, b: Box) => boolean} */
const overlap = (a, b) =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/**
 * @param {number[]} dot [x, y] in pixels
 * @param {number} width of the name
 * @returns {Place[]} right of the dot, left of it, above and below, and so that it ends at it
 */
function candidates([x, y], width) {
  /** @type {(at: number, base: number, anchor: Place["anchor"], left: number) => Place} */
  const place = (at, base, anchor, left) => ({
    x: at,
    y: base,
    anchor,
    box: { left, right: left + width, top: base - LINE + 3, bottom: base + 3 },
  });
  return [
    place(x + AWAY, y + 4, "start", x + AWAY),
    place(x - AWAY, y + 4, "end", x - AWAY - width),
    place(x, y - AWAY, "middle", x - width / 2),
    place(x, y + AWAY + LINE - 3, "middle", x - width / 2),
    place(x + AWAY, y - AWAY, "end", x + AWAY - width),
    place(x + AWAY, y + AWAY + LINE - 3, "end", x + AWAY - width),
  ];
}

/**
 * A place for each name, the last one's first; the first candidate where all are taken.
 * @param {{ name: string, dot: number[] }[]} named
 * @param {number} right the drawing's edge
 * @param {Box[]} taken where something else is written
 * @returns {Place[]} in the order of the names
 */
export function placeNames(named, right, taken) {
  const boxes = named.map(({ dot: [x, y] }) => ({
    left: x - 6,
    right: x + 6,
    top: y - 6,
    bottom: y + 6,
  }));
  boxes.push(...taken);
  return named
    .toReversed()
    .map(({ name, dot }) => {
      const options = candidates(dot, CHARACTER * name.length);
      const isFree = (/** @type {Place} */ { box }) =>
        box.right <= right && !boxes.some((other) => overlap(other, box));
      const chosen = options.find(isFree) ?? options[0];
      boxes.push(chosen.box);
      return chosen;
    })
    .toReversed();
}
