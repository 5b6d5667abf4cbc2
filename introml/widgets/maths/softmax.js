// From scores to probabilities.

/**
 * softmax(scores / temperature) of one row; −∞ gets no weight, a row of −∞ alone none at all.
 * @param {number[]} scores
 */
export function softmax(scores, temperature = 1) {
  const largest = Math.max(...scores);
  if (largest === Number.NEGATIVE_INFINITY) return scores.map(() => 0);
  const parts = scores.map((score) => Math.exp((score - largest) / temperature));
  const total = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => part / total);
}

/**
 * −Σ p ln p in nats, with 0 ln 0 = 0: from 0 (one weight) to ln n (n equal weights).
 * @param {number[]} weights
 */
export function entropy(weights) {
  const sum = weights.reduce((total, p) => total - (p > 0 ? p * Math.log(p) : 0), 0);
  return Math.max(0, sum);
}
