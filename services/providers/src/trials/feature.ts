/** What is tried or read upstream at an administrator's wish: models, verification, embeddings. */
import type { Feature } from '@clawmesh/chassis'
import { createAllModels, type AllModelsParts } from './all-models.ts'
import { createTrialHttp, type TrialParts } from './http.ts'
import { createModelWs } from './ws.ts'

export const createTrials = (parts: TrialParts & AllModelsParts): Feature => ({
  http: createTrialHttp(parts),
  ws: createModelWs(createAllModels(parts)),
})
