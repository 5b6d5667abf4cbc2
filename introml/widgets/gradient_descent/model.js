// Gradient descent on the squared loss of a straight line: everything about it is known exactly.
// Loss: L(w, b) = Σ ½(w·xᵢ + b − yᵢ)², or that sum divided by n when `kind` is "mean".

/** The Hessian XᵀX of the sum, for the design [x, 1]: [[Σx², Σx], [Σx, n]]. */
export function hessian(x, kind = "sum") {
  const scale = kind === "mean" ? 1 / x.length : 1;
  const sxx = x.reduce((sum, value) => sum + value * value, 0);
  const sx = x.reduce((sum, value) => sum + value, 0);
  return [
    [sxx * scale, sx * scale],
    [sx * scale, x.length * scale],
  ];
}

/** Eigenvalues, the smaller one first, with unit eigenvectors, of a symmetric 2×2 matrix. */
export function eigen([[a, b], [, d]]) {
  const middle = (a + d) / 2;
  const radius = Math.hypot((a - d) / 2, b);
  const angle = Math.atan2(2 * b, a - d) / 2;
  const steep = [Math.cos(angle), Math.sin(angle)];
  return { values: [middle - radius, middle + radius], vectors: [[-steep[1], steep[0]], steep] };
}

/** Gradient descent converges for every start exactly when η < 2/λmax of the Hessian. */
export function largestStableRate(x, kind = "sum") {
  return 2 / eigen(hessian(x, kind)).values[1];
}

/** The constant rate that shrinks the worst error fastest: both eigenvalues then give one factor. */
export function bestRate(x, kind = "sum") {
  const [flat, steep] = eigen(hessian(x, kind)).values;
  return 2 / (flat + steep);
}

/** How many steps make every error at most `factor` times as large; Infinity from the bound on. */
export function stepsToShrink(x, rate, factor, kind = "sum") {
  const slowest = Math.max(
    ...eigen(hessian(x, kind)).values.map((value) => Math.abs(1 - rate * value)),
  );
  if (slowest >= 1) return Infinity;
  return slowest === 0 ? 1 : Math.max(1, Math.ceil(Math.log(factor) / Math.log(slowest) - 1e-9));
}

export function loss(x, y, [w, b], kind = "sum") {
  const sum = x.reduce((total, value, i) => total + (w * value + b - y[i]) ** 2 / 2, 0);
  return kind === "mean" ? sum / x.length : sum;
}

export function gradient(x, y, [w, b], kind = "sum") {
  const total = [0, 0];
  for (const [i, value] of x.entries()) {
    const error = w * value + b - y[i];
    total[0] += error * value;
    total[1] += error;
  }
  return kind === "mean" ? total.map((part) => part / x.length) : total;
}

/** The least-squares line, where the gradient is zero. */
export function minimum(x, y) {
  const [[sxx, sx], [, n]] = hessian(x);
  const sxy = x.reduce((sum, value, i) => sum + value * y[i], 0);
  const sy = y.reduce((sum, value) => sum + value, 0);
  const determinant = sxx * n - sx * sx;
  if (Math.abs(determinant) < 1e-12 * Math.max(1, sxx * n)) {
    throw new Error(
      "all x are equal, so no single best line exists; give at least two values of x",
    );
  }
  return [(n * sxy - sx * sy) / determinant, (sxx * sy - sx * sxy) / determinant];
}

/** The points (w, b) visited from `start`: steps + 1 of them. */
export function trajectory(x, y, start, rate, steps, kind = "sum") {
  const path = [[...start]];
  for (let step = 0; step < steps; step += 1) {
    const [w, b] = path[step];
    const [dw, db] = gradient(x, y, [w, b], kind);
    path.push([w - rate * dw, b - rate * db]);
  }
  return path;
}

/**
 * What a rate does on this loss, whatever the start. Along an eigenvector each step multiplies the
 * distance to the minimum by 1 − ηλ: negative means that it jumps across, over 1 in size that it grows.
 * "creeps" if more than half of the distance along the flat direction is left after `steps`.
 */
export function verdict(x, rate, steps, kind = "sum") {
  const [flat, steep] = eigen(hessian(x, kind)).values;
  const product = rate * steep;
  if (Math.abs(product - 2) < 1e-9) return "never settles";
  if (product > 2) return "diverges";
  if (product > 1) return "oscillates";
  return Math.abs(1 - rate * flat) ** steps > 0.5 ? "creeps" : "converges";
}

/** The rates at which the verdict changes: creeps | converges | oscillates | diverges. */
export function borders(x, steps, kind = "sum") {
  const [flat, steep] = eigen(hessian(x, kind)).values;
  const halved = (1 - 0.5 ** (1 / steps)) / flat;
  return [Math.min(halved, 1 / steep), 1 / steep, 2 / steep];
}
