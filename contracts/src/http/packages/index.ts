export { packages } from './packages.ts'
