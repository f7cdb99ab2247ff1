/** Agents as the models that OpenAI's clients list. */
import type { Feature } from '@clawmesh/chassis'
import { createModelsHttp, type ModelsParts } from './http.ts'

export const createModels = (parts: ModelsParts) => ({ http: createModelsHttp(parts) }) satisfies Feature
