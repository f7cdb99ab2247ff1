export { activity } from './activity.ts'
export { costs } from './costs.ts'
export { traces } from './traces.ts'
export { usage } from './usage.ts'
