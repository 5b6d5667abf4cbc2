// Names beside bubbles where there is room. A name is left out if it would lie on another one, on a
// bubble, or so near to another bubble that it could be that one's name.

/** @typedef {{ x: number, y: number, r: number, name: string }} Bubble */
/** @typedef {{ x: number, y: number, width: number, height: number }} Box */

const HEIGHT = 13;
const PER_CHARACTER = 6.3;
const GAP = 3;
const APART = 5; // from the bubbles of others, at least: more than from its own

/**
 * @param {Box} a
 * @param {Box} b
 */
const overlap = (a, b) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/**
 * @param {Box} box
 * @param {Bubble} bubble
 */
function isNear(box, { x, y, r }) {
  const dx = Math.max(box.x - x, 0, x - box.x - box.width);
  const dy = Math.max(box.y - y, 0, y - box.y - box.height);
  return Math.hypot(dx, dy) < r + APART;
}

/**
 * Where each name stands: its anchor on the baseline, or null. Earlier bubbles choose first.
 * @param {Bubble[]} bubbles
 * @param {Box} frame that the names must stay in
 * @returns {({ x: number, y: number, anchor: string } | null)[]}
 */
export function placeNames(bubbles, frame) {
  /** @type {Box[]} */
  const taken = [];
  return bubbles.map(({ x, y, r, name }, own) => {
    const width = name.length * PER_CHARACTER;
    const side = 0.7 * r + GAP;
    /** @type {[left: number, top: number, anchor: string][]} */
    const places = [
      [x + side, y + side - 4, "start"],
      [x - side - width, y - side - HEIGHT + 4, "end"],
      [x + r + GAP, y - HEIGHT / 2, "start"],
      [x - r - GAP - width, y - HEIGHT / 2, "end"],
      [x - width / 2, y - r - GAP - HEIGHT, "middle"],
      [x - width / 2, y + r + GAP, "middle"],
      [x + side, y - side - HEIGHT + 4, "start"],
      [x - side - width, y + side - 4, "end"],
    ];
    for (const [left, top, anchor] of places) {
      const box = { x: left, y: top, width, height: HEIGHT };
      const inside =
        left >= frame.x &&
        top >= frame.y &&
        left + width <= frame.x + frame.width &&
        top + HEIGHT <= frame.y + frame.height;
      const free =
        inside &&
        !taken.some((other) => overlap(box, other)) &&
        !bubbles.some((bubble, i) => i !== own && isNear(box, bubble));
      if (free) {
        taken.push(box);
        const at = { start: left, middle: left + width / 2, end: left + width };
        return { x: at[/** @type {keyof typeof at} */ (anchor)], y: top + HEIGHT - 3, anchor };
      }
    }
    return null;
  });
}
