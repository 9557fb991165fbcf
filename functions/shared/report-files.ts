/** Style and script of the report's page: files of `functions/finish-run/report`, in a bundle beside it. */
export const reportFiles = { style: 'report.css', script: 'report.js' } as const;
