export function debounce(fn, ms) {
  let timer;
  const waiting = (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => fn(...args), ms);
  };
  waiting.cancel = () => clearTimeout(timer);
  return waiting;
}
