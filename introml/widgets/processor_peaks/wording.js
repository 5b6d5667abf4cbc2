// What the read-out says of a processor.

import { percent, significant, thousands } from "../kit/index.js";
import { flopsPerByte, product } from "./model.js";

/** @import { Factors } from "./model.js" */

const UNITS = ["cores", "tensor cores", "tensor cores"];

/** @param {number} flops */
export function rate(flops) {
  return `${significant(flops / 1e12, 4)} TFLOP/s`;
}

/** @param {number} bytes */
export function bandwidth(bytes) {
  return bytes < 1e12
    ? `${significant(bytes / 1e9, 3)} GB/s`
    : `${significant(bytes / 1e12, 3)} TB/s`;
}

/**
 * @param {{ name: string, kind: number, bandwidth: number }} machine
 * @param {string} format
 * @param {number} place of the format, from 1
 * @param {boolean} sparse
 * @param {number} flops
 * @param {Factors | null} factors
 */
export function describePeak(machine, format, place, sparse, flops, factors) {
  const kind = `${sparse ? "sparse" : "dense"} ${format}`;
  const head = `${machine.name}: ${rate(flops)} of ${kind}`;
  const units = machine.kind === 3 ? "matrix units" : UNITS[place - 1];
  const how = factors
    ? `, from ${thousands(factors.units)} ${units} × ${significant(factors.clock / 1e9, 4)} GHz × ` +
      `${thousands(factors.per_cycle)} FLOPs a cycle = ${rate(product(factors))}.`
    : "; the factors aren't published.";
  const perByte = significant(flopsPerByte(flops, machine.bandwidth), 2);
  return (
    `${head}${how} Its memory brings ${bandwidth(machine.bandwidth)}: ` +
    `time for ${perByte} FLOPs for each byte.`
  );
}

/**
 * @param {number} reached
 * @param {number} flops
 * @param {boolean} sparse
 */
export function describeReached(reached, flops, sparse) {
  const dense = sparse ? " with dense matrices" : "";
  return `Measured at best${dense}: ${rate(reached)}, ${percent(reached / flops)} of that.`;
}

/**
 * @param {string} name
 * @param {string} format
 * @param {boolean} sparse
 */
export function describeNone(name, format, sparse) {
  return `For ${name} no ${sparse ? "sparse " : ""}${format} peak is published.`;
}
