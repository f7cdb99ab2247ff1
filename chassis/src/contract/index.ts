export type { BodyShape, ParamsShape, QueryShape, RequestShape, ResponseShape } from './shapes.ts'
export { fromContract, toContract } from './translate.ts'
