/** Owns the live connection: server-sent events, opened again with a growing pause when they break off. */

const FIRST_PAUSE_MILLISECONDS = 300;
const LONGEST_PAUSE_MILLISECONDS = 8_000;

/**
 * @param {string} address
 * @param {(event: object) => void} onEvent
 * @param {(live: boolean) => void} onConnection also called at every reopening, when missed events must be made up for
 * @returns {() => void} closes it
 */
export function openStream(address, onEvent, onConnection) {
  let source = null;
  let pause = FIRST_PAUSE_MILLISECONDS;
  let timer = 0;

  const open = () => {
    source = new EventSource(address);
    source.onopen = () => {
      pause = FIRST_PAUSE_MILLISECONDS;
      onConnection(true);
    };
    source.onmessage = ({ data }) => onEvent(JSON.parse(data));
    source.onerror = () => {
      source.close();
      onConnection(false);
      timer = setTimeout(open, pause);
      pause = Math.min(LONGEST_PAUSE_MILLISECONDS, pause * 2);
    };
  };

  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
