export type { BodyShape, ParamsShape, QueryShape, RequestShape, ResponseShape } from './shapes.ts'
export { checkParameters, unsupportedParameter, type OtherParameters } from './parameters.ts'
export { fromContract, toContract } from './translate.ts'
