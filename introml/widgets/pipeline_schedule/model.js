// Pipeline schedules, and when each operation starts and ends.

/**
 * @typedef {object} Operation
 * @property {string} kind F forward, B the whole backward, or I (of the input) and W (of the weights)
 * @property {number} i the microbatch
 * @property {number} chunk
 */
/** @typedef {[kind: string, i: number, chunk: number, start: number, end: number]} Span */
/**
 * @typedef {object} Timeline
 * @property {Span[][]} spans of each rank
 * @property {number} step when all is done
 * @property {number} fraction of the step in which ranks are idle
 * @property {number} ratio of idle time to the time without any
 * @property {number[]} peaks the most chunks' activations that each rank holds
 */

/**
 * Some forwards, then one forward and one backward in turn, then the backwards that are left.
 * @param {number} warm how many forwards come first
 * @param {number} m
 * @param {number} group how many microbatches go through a chunk before the next chunk's turn
 * @param {number} v
 */
function inTurn(warm, m, group, v) {
  /** @type {(kind: string, n: number) => Operation} */
  const nth = (kind, n) => {
    const round = Math.floor(n / (group * v));
    const place = n % (group * v);
    const chunk = Math.floor(place / group);
    return {
      kind,
      i: round * group + (place % group),
      chunk: kind === "F" ? chunk : v - 1 - chunk,
    };
  };
  const order = [];
  for (let n = 0; n < warm; n += 1) order.push(nth("F", n));
  for (let n = 0; n < m * v; n += 1) {
    if (warm + n < m * v) order.push(nth("F", warm + n));
    order.push(nth("B", n));
  }
  return order;
}

/**
 * 1F1B with a split backward: rank r leaves r of the W for later.
 * @param {Operation[]} order of 1F1B
 * @param {number} rank
 * @param {number} m
 */
function split(order, rank, m) {
  /** @type {Operation[]} */
  const found = [];
  let done = 0;
  const weigh = () => {
    found.push({ kind: "W", i: done, chunk: 0 });
    done += 1;
  };
  for (const operation of order) {
    if (operation.kind === "F") found.push(operation);
    else {
      found.push({ ...operation, kind: "I" });
      if (operation.i >= rank) weigh();
    }
  }
  while (done < m) weigh();
  return found;
}

/**
 * Why a schedule can't be, or null.
 * @param {string} kind
 * @param {number} p
 * @param {number} m
 * @param {number} v
 */
export function refusal(kind, p, m, v) {
  return kind === "interleaved" && v > 1 && m % p > 0
    ? `Interleaving takes microbatches in groups of p = ${p}, and ${m} can't be divided by ${p}.`
    : null;
}

/**
 * What each of p ranks does with m microbatches and, if interleaved, v chunks, in its order.
 * @param {string} kind
 * @param {number} p
 * @param {number} m
 * @param {number} v
 * @returns {Operation[][]}
 */
export function orders(kind, p, m, v) {
  return Array.from({ length: p }, (_, r) => {
    if (kind === "GPipe") {
      const each = Array.from({ length: m }, (_, i) => i);
      return [
        ...each.map((i) => ({ kind: "F", i, chunk: 0 })),
        ...each.reverse().map((i) => ({ kind: "B", i, chunk: 0 })),
      ];
    }
    if (kind === "interleaved" && v > 1) {
      return inTurn(Math.min(2 * (p - 1 - r) + (v - 1) * p, m * v), m, p, v);
    }
    const plain = inTurn(Math.min(p - 1 - r, m), m, 1, 1);
    return kind === "zero bubble" ? split(plain, r, m) : plain;
  });
}

/**
 * Start each operation as soon as its rank is free and what it needs is there.
 * @param {string} kind
 * @param {number} p
 * @param {number} m
 * @param {number} v
 * @param {number} forward time of a microbatch on all layers of a rank
 * @param {number} backward of the gradient of the input
 * @param {number} weight of the gradient of the weights
 * @returns {Timeline}
 */
export function simulate(kind, p, m, v, forward, backward, weight) {
  const chunks = kind === "interleaved" ? v : 1;
  const last = p * chunks - 1;
  const [f, b, w] = [forward / chunks, backward / chunks, weight / chunks];
  /** @type {Record<string, number>} */
  const cost = { F: f, I: b, W: w, B: b + w };
  const rows = orders(kind, p, m, v);
  /** @type {Map<string, number>} */
  const ends = new Map();
  /** @type {Span[][]} */
  const spans = rows.map(() => []);
  const clock = rows.map(() => 0);
  let moved = true;
  while (moved) {
    moved = false;
    rows.forEach((order, rank) => {
      while (spans[rank].length < order.length) {
        const { kind: what, i, chunk } = order[spans[rank].length];
        const stage = chunk * p + rank;
        const needed = [];
        if (what === "F" && stage > 0) needed.push(`F ${stage - 1} ${i}`);
        if (what === "W") needed.push(`I ${stage} ${i}`);
        if (what === "I" || what === "B") {
          needed.push(`F ${stage} ${i}`);
          if (stage < last) needed.push(`I ${stage + 1} ${i}`);
        }
        const times = needed.map((key) => ends.get(key) ?? Number.POSITIVE_INFINITY);
        const start = Math.max(clock[rank], ...times);
        if (start === Number.POSITIVE_INFINITY) break;
        clock[rank] = start + cost[what];
        ends.set(`${what === "B" ? "I" : what} ${stage} ${i}`, clock[rank]);
        spans[rank].push([what, i, chunk, start, clock[rank]]);
        moved = true;
      }
    });
  }
  const step = Math.max(...clock);
  const ideal = m * (forward + backward + weight);
  return { spans, step, fraction: 1 - ideal / step, ratio: step / ideal - 1, peaks: held(spans) };
}

/**
 * @param {Span[][]} spans
 */
function held(spans) {
  return spans.map((row) => {
    let [now, peak] = [0, 0];
    for (const [kind] of row) {
      if (kind === "F") now += 1;
      else if (kind !== "I") now -= 1;
      peak = Math.max(peak, now);
    }
    return peak;
  });
}

/**
 * The times at which something ends, each once, in order.
 * @param {Span[][]} spans
 */
export function moments(spans) {
  const ends = spans.flatMap((row) => row.map((span) => Math.round(span[4] * 1e6) / 1e6));
  return [...new Set(ends)].sort((a, b) => a - b);
}
