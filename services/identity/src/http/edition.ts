import type { http } from '@clawmesh/contracts'
import type { Handlers } from '@clawmesh/chassis'
import type { IdentityConfig } from '../config.ts'
import { editions } from '../domain/edition.ts'

export const createEditionHandlers = ({
  edition,
}: Pick<IdentityConfig, 'edition'>): Handlers<typeof http.identity, 'getEdition'> => ({
  getEdition: async () => editions[edition],
})
