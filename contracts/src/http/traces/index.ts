export { traces } from './traces.ts'
