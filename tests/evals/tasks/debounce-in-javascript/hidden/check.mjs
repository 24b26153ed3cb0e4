import assert from "node:assert/strict";
import { debounce } from "./debounce.js";

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const calls = [];
const f = debounce((...args) => calls.push(args), 40);
f(1); f(2); f(3, 4);
await wait(120);
assert.deepEqual(calls, [[3, 4]]);
f(5); f.cancel();
await wait(120);
assert.deepEqual(calls, [[3, 4]]);
