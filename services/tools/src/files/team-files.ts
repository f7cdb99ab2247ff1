/** What holds for writing into a team's shared folder, beyond the workspace guard. */
import { extname } from 'node:path'
import { toolError } from '../tool/tool-error.ts'
import type { TeamFolder } from '../tool/tool.ts'
import { countFiles } from '../workspace/index.ts'

const mostFiles = 100
const programs = ['.exe', '.sh', '.bat', '.cmd', '.ps1', '.com', '.msi', '.scr']

/** @throws TOOL_ERROR when the caller may not write there */
export const checkTeamWriter = (team: TeamFolder): void => {
  if (team.role === 'reviewer') throw toolError('reviewers may not write in the team workspace')
}

/** @throws TOOL_ERROR when such a file may not stand there, or no further one */
export const checkTeamFile = async (team: TeamFolder, path: string): Promise<void> => {
  checkTeamWriter(team)
  const extension = extname(path).toLowerCase()
  if (programs.includes(extension)) throw toolError(`${extension} files may not be put into the team workspace`)
  if ((await countFiles(team.workspace, '.', mostFiles)) >= mostFiles) {
    throw toolError(`the team workspace holds ${mostFiles} files already; remove one by writing it empty`)
  }
}
