// The tables of live mode: Q, K and V to type into, and those computed from them.

import { h, setAttributes } from "../kit/index.js";

const LOW = "₀₁₂₃₄₅₆₇₈₉";
export const named = (letter, index) => `${letter}${LOW[index + 1]}`;

export const tint = (color, share) =>
  `color-mix(in srgb, var(--iml-${color}) ${Math.round(50 * share)}%, transparent)`;

/**
 * A table that is made again only when its size changes, so that the focus stays where it is.
 * @param {object} options
 * @param {string} options.title
 * @param {(i: number) => import("../kit/dom.js").Child} options.rowHeader
 * @param {(j: number) => string} [options.columnHeader]
 * @param {(i: number, j: number) => any} options.makeCell
 */
function matrixTable({ title, rowHeader, columnHeader, makeCell }) {
  const caption = h("caption", {}, title);
  const table = h("table", { class: "iml-attention-matrix" }, caption);
  let size = "";
  let cells = [];
  return {
    node: table,
    caption,
    cells: (rows, columns) => {
      if (size !== `${rows}×${columns}`) {
        size = `${rows}×${columns}`;
        cells = Array.from({ length: rows }, (_, i) =>
          Array.from({ length: columns }, (_, j) => makeCell(i, j)),
        );
        const corner = h("td", {});
        const names = Array.from({ length: columns }, (_, j) => columnHeader?.(j));
        const head = columnHeader
          ? h(
              "thead",
              {},
              h(
                "tr",
                {},
                corner,
                names.map((name) => (name ? h("th", { scope: "col" }, name) : h("td", {}))),
              ),
            )
          : null;
        const lines = cells.map((row, i) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, rowHeader(i)),
            row.map(({ cell }) => cell),
          ),
        );
        table.replaceChildren(caption, ...(head ? [head] : []), h("tbody", {}, lines));
      }
      return cells;
    },
  };
}

/** Q, K or V: a table of number inputs bound to a trait. */
export function editable(ui, { trait, letter, title, row }) {
  const { low, high } = ui.forms[trait];
  const table = matrixTable({
    title,
    rowHeader: (i) => named(row, i),
    makeCell: (i, j) => {
      const input = h("input", {
        type: "number",
        step: "0.5",
        min: low,
        max: high,
        "aria-label": `${letter}, row ${i + 1}, column ${j + 1}`,
        oninput: () => {
          const value = Number(input.value);
          if (input.value === "" || !(value >= low && value <= high)) return;
          const next = ui.get(trait).map((numbers) => [...numbers]);
          next[i][j] = value;
          ui.set({ [trait]: next });
        },
        // What could not be read goes back to what is drawn.
        onchange: () => {
          input.value = String(ui.get(trait)[i][j]);
        },
      });
      return { cell: h("td", {}, input), input };
    },
  });
  const update = (share) => {
    const matrix = ui.get(trait);
    for (const [i, cells] of table.cells(matrix.length, matrix[0].length).entries()) {
      for (const [j, { cell, input }] of cells.entries()) {
        if (Number(input.value) !== matrix[i][j] || input.value === "") {
          input.value = String(matrix[i][j]);
        }
        input.setAttribute("value", String(matrix[i][j]));
        cell.style.setProperty("background", tint("blue", share(i)));
      }
    }
  };
  return { node: table.node, update };
}

/**
 * A computed table; `write(i, j)` gives { text, background }. With `pick: { name, choose }`, radio
 * buttons in the place of the rows' names choose one of them.
 * @param {object} options
 * @param {string} options.title
 * @param {string} options.row
 * @param {string} [options.column]
 * @param {{ name: string, choose: (row: number) => void }} [options.pick]
 */
export function computed({ title, row, column, pick }) {
  const radios = [];
  const radio = (i, { name, choose }) => {
    const id = `${name}-${i}`;
    radios[i] = h("input", {
      type: "radio",
      name,
      id,
      value: i,
      "aria-label": `${named(row, i)}: describe this query`,
      onchange: () => choose(i),
    });
    return [radios[i], h("label", { for: id }, named(row, i))];
  };
  const table = matrixTable({
    title,
    rowHeader: (i) => (pick ? radio(i, pick) : named(row, i)),
    columnHeader: (j) => (column ? named(column, j) : ""),
    makeCell: () => ({ cell: h("td", { class: "iml-attention-number" }) }),
  });
  const update = (rows, columns, chosen, write) => {
    for (const [i, cells] of table.cells(rows, columns).entries()) {
      for (const [j, { cell }] of cells.entries()) {
        const { text, background } = write(i, j);
        cell.textContent = text;
        setAttributes(cell, { class: `iml-attention-number${i === chosen ? " iml-chosen" : ""}` });
        cell.style.setProperty("background", background);
      }
      if (radios[i]) {
        radios[i].checked = i === chosen;
        setAttributes(radios[i], { checked: i === chosen });
      }
    }
  };
  return { node: table.node, caption: table.caption, update };
}
