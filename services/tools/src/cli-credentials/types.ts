/** A program of the command line that agents run with variables of its own. */
import type { http } from '@clawmesh/contracts'
import type { BodyShape } from '@clawmesh/chassis'

type Operations = typeof http.cliCredentials.operations

/** As it is stored; of its variables it has the names only. */
export interface CliCredential {
  id: string
  binaryName: string
  binaryPath: string | null
  description: string
  denyArgs: string[]
  denyVerbose: string[]
  timeoutSeconds: number
  tips: string
  /** Null where it is for all agents. */
  agentId: string | null
  enabled: boolean
  createdBy: string
  envKeys: string[]
  createdAt: Date
  updatedAt: Date
}

export type CliFields = Omit<CliCredential, 'id' | 'createdBy' | 'envKeys' | 'createdAt' | 'updatedAt'>

/** Variables by name, in plain; they exist only while they are changed or used. */
export type CliEnv = Readonly<Record<string, string>>

/** What is to be written. */
export interface CliWrite {
  fields: Partial<CliFields>
  /** Absent leaves what is stored. */
  env?: CliEnv | undefined
  /** Whether the variables of users go. */
  dropsUsers: boolean
}

export interface CliUserCredential {
  id: string
  binaryId: string
  userId: string
  envKeys: string[]
  createdAt: Date
  updatedAt: Date
}

export type NewCliCredential = BodyShape<Operations['createCliCredential']>
export type CliChanges = BodyShape<Operations['updateCliCredential']>
