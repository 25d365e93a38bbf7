export const kStreams = '#page=streams';

export function stream_address(id: string): string {
  return `#${new URLSearchParams({ page: 'streams', stream: id })}`;
}
