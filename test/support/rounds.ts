/** How often a fault suite does what it does: `CLAWMESH_FAULTS_ROUNDS` where that is set, for a long form of it. */
export const roundsOr = (usual: number): number => {
  const rounds = Number(process.env['CLAWMESH_FAULTS_ROUNDS'] ?? usual)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('CLAWMESH_FAULTS_ROUNDS is no count')
  return rounds
}
