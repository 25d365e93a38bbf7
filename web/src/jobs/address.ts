export const kJobs = '#page=jobs';

export function job_address(id: string): string {
  return `#${new URLSearchParams({ page: 'jobs', job: id })}`;
}
