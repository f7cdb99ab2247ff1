/** Variables that say what programs load or start before themselves. */
import { couldBe, hasMark, withoutMarks } from '../shell/marks.ts'

const loaders = [
  'LD_PRELOAD',
  'LD_LIBRARY_PATH',
  'LD_AUDIT',
  'GIT_EXTERNAL_DIFF',
  'GIT_DIFF_OPTS',
  'GIT_SSH_COMMAND',
  'BASH_ENV',
]
/** Of a name that is not all text, so much has to be for it to count as one of those. */
const leastKnown = 3
/** Whether a variable, or what sets one, says what programs load or start before themselves. */
export const setsLoader = (text: string): boolean => {
  const name = text.split('=')[0]!.replace(/\+$/, '').toUpperCase()
  if (!hasMark(name)) return loaders.includes(name) || name.startsWith('DYLD_')
  const isKnown = withoutMarks(name).length >= leastKnown
  return isKnown && [...loaders, 'DYLD_INSERT_LIBRARIES'].some((loader) => couldBe(name, loader))
}
