export * from './cut.ts'
export * from './json-depth.ts'
export * from './redact.ts'
export * from './trim.ts'
