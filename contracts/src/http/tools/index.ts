export { builtinTools } from './builtin-tools.ts'
export { toolInvocation } from './invoke.ts'
