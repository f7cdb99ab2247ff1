export { packages } from './packages.ts'
export { runtimes } from './runtimes.ts'
