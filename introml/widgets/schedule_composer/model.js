// All that the widget computes: the schedules, and the training runs under them.

export * from "./schedules.js";
export * from "./training.js";
