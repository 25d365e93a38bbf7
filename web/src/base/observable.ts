/// A value that tells its listeners when it is set to another one.
export class Observable<T> {
  private readonly listeners = new Set<(value: T) => void>();

  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }

  set(value: T): void {
    if (Object.is(value, this.current)) return;
    this.current = value;
    this.tell();
  }

  /// For values changed in place.
  tell(): void {
    for (const listener of [...this.listeners]) listener(this.current);
  }

  /// Calls `listener` now and at each change; returns what ends it.
  watch(listener: (value: T) => void): () => void {
    this.listeners.add(listener);
    listener(this.current);
    return () => this.listeners.delete(listener);
  }
}

/// Calls `work` once per animation frame, however often it is asked to.
export function once_per_frame(work: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}
