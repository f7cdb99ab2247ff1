/** What is tried or read upstream at an administrator's wish: models, verification, embeddings. */
import type { Feature } from '@clawmesh/chassis'
import { createTrialHttp, type TrialParts } from './http.ts'

export const createTrials = (parts: TrialParts): Feature => ({ http: createTrialHttp(parts) })
