import type { Client } from './client';
import type { SessionEvent } from './types';

const kFirstPauseMs = 300;
const kLongestPauseMs = 5000;

/// Follows a session until `stop`. `on_event` sees a "hello" first.
export function follow_session(client: Client, session: string, on_event: (event: SessionEvent) => void): { stop: () => void } {
  return follow(client, `sessions/${session}/events`, (message) => on_event(message as SessionEvent));
}

/// Hears what a WebSocket of the API says until `stop`, connecting again after each loss.
export function follow(client: Client, path: string, on_message: (message: unknown) => void): { stop: () => void } {
  let socket: WebSocket | null = null;
  let timer = 0;
  let pause = kFirstPauseMs;
  let stopped = false;

  const connect = (): void => {
    const address = client.address(path).replace(/^http/, 'ws');
    const protocols = client.key ? ['sagittal.v1', `key.${client.key}`] : ['sagittal.v1'];
    socket = new WebSocket(address, protocols);
    socket.onmessage = (message) => {
      pause = kFirstPauseMs;
      on_message(JSON.parse(message.data as string));
    };
    socket.onclose = () => {
      if (stopped) return;
      timer = window.setTimeout(connect, pause);
      pause = Math.min(2 * pause, kLongestPauseMs);
      void client.check();
    };
  };
  connect();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      socket?.close();
    },
  };
}
