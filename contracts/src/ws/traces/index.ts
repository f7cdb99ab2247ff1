export { usage } from './usage.ts'
export { usageCaps } from './usage-caps.ts'
