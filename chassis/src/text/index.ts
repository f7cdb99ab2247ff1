export * from './cut.ts'
export * from './json-limits.ts'
export * from './redact.ts'
export * from './trim.ts'
