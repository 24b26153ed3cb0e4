import assert from "node:assert/strict";
import test from "node:test";
import { debounce } from "./debounce.js";

test("only the last call counts", async () => {
  const calls = [];
  const f = debounce((x) => calls.push(x), 10);
  f(1);
  f(2);
  await new Promise((done) => setTimeout(done, 60));
  assert.deepEqual(calls, [2]);
});
