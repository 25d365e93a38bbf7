const kLookMs = 250;

/// Does `work` again and again while `element` is on the page and somebody looks, `pause_ms` after it was done.
export function repeat_while_shown(element: Element, pause_ms: number, work: () => Promise<void>): void {
  while_shown(element, () => {
    let stopped = false;
    const go_on = async (): Promise<void> => {
      if (!document.hidden) await work();
      if (!stopped) setTimeout(() => void go_on(), pause_ms);
    };
    void go_on();
    return () => (stopped = true);
  });
}

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
