const kLookMs = 250;

/// Runs `start` once `element` is on the page, and what it returned when it is taken away.
export function while_shown(element: Element, start: () => () => void): void {
  let end: (() => void) | null = null;
  const timer = setInterval(() => {
    if (element.isConnected && !end) end = start();
    if (element.isConnected || !end) return;
    clearInterval(timer);
    end();
  }, kLookMs);
}
