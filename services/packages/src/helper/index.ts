export { runtimeFolder } from '../machine/persisted.ts'
export { startPackageHelper } from './helper.ts'
