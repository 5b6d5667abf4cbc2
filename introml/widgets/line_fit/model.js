// Straight lines through points: the line of least squares, that of least absolute errors, and how
// much one point matters. A line is [w, b]; its errors are w·xᵢ + b − yᵢ.

function checkPairs(x, y) {
  if (x.length !== y.length) {
    throw new Error(`x has ${x.length} values and y has ${y.length}; they must be paired`);
  }
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Distances from the mean. Taking x₀ away first loses no digits where all x lie close together. */
function centred(values) {
  const moved = values.map((value) => value - values[0]);
  const mean = sum(moved) / moved.length;
  return { mean: values[0] + mean, away: moved.map((value) => value - mean) };
}

export function allEqual(x) {
  return x.every((value) => value === x[0]);
}

function refuseEqual(x) {
  if (allEqual(x)) {
    throw new Error(
      `all ${x.length} points have x = ${x[0]}, so every slope fits them equally well; ` +
        "move one of them sideways",
    );
  }
}

/** [w, b] with the least Σ½(w·xᵢ + b − yᵢ)². */
export function leastSquares(x, y) {
  checkPairs(x, y);
  refuseEqual(x);
  const [cx, cy] = [centred(x), centred(y)];
  const w =
    sum(cx.away.map((dx, i) => dx * cy.away[i])) / sum(cx.away.map((distance) => distance ** 2));
  return [w, cy.mean - w * cx.mean];
}

/** ŷ − y at every point. */
export function errors(x, y, [w, b]) {
  checkPairs(x, y);
  return x.map((value, i) => w * value + b - y[i]);
}

/** Σ½(ŷ − y)²: half the total area of the squares. */
export function loss(x, y, line) {
  return sum(errors(x, y, line).map((error) => error ** 2 / 2));
}

/** Σ|ŷ − y|. */
export function absoluteLoss(x, y, line) {
  return sum(errors(x, y, line).map(Math.abs));
}

/**
 * A line with the least Σ|ŷ − y|. One of the best lines passes through two of the points (it is a
 * vertex of a linear programme), so trying every pair is exact.
 */
export function leastAbsolute(x, y) {
  checkPairs(x, y);
  refuseEqual(x);
  let [best, least] = [null, Number.POSITIVE_INFINITY];
  for (let i = 0; i < x.length; i += 1) {
    for (let j = i + 1; j < x.length; j += 1) {
      if (x[i] === x[j]) continue;
      const w = (y[j] - y[i]) / (x[j] - x[i]);
      const line = [w, y[i] - w * x[i]];
      const total = absoluteLoss(x, y, line);
      if (total < least) [best, least] = [line, total];
    }
  }
  return best;
}

/** The least-squares line of all points but the one at `index`. */
export function leastSquaresWithout(x, y, index) {
  const others = (values) => values.filter((_, i) => i !== index);
  if (x.length < 3) throw new Error("two points are left out of which none can be spared");
  return leastSquares(others(x), others(y));
}

/** What w gains when yᵢ grows by 1: (xᵢ − x̄)/Σ(x − x̄)², for every i. */
export function slopeShifts(x) {
  refuseEqual(x);
  const { away } = centred(x);
  const total = sum(away.map((distance) => distance ** 2));
  return away.map((distance) => distance / total);
}

/** 0 to 10 where all values lie in there; else their range with an eighth more at both ends. */
export function frame(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (low >= 0 && high <= 10) return [0, 10];
  const spare = (high - low || Math.abs(high) || 1) / 8;
  return [low - spare, high + spare];
}
