import { createKeyedMutex } from '@clawmesh/chassis'

/** Writers of a file go one after the other: two edits of one file in the same turn must not lose each other. */
export const fileMutex = createKeyedMutex()
