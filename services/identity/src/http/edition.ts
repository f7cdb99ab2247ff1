import type { http } from '@clawmesh/contracts'
import type { Handlers } from '@clawmesh/chassis'
import { edition } from '../domain/edition.ts'

export const editionHandlers = (): Handlers<typeof http.identity, 'getEdition'> => ({
  getEdition: async () => edition,
})
