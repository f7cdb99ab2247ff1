/** The edition in force and its limits. */
import { http } from '@clawmesh/contracts'
import { implementHttp, type Feature } from '@clawmesh/chassis'
import { editions } from './editions.ts'

export const createEdition = (name: keyof typeof editions) =>
  ({ http: implementHttp(http.edition)({ getEdition: async () => editions[name] }) }) satisfies Feature
