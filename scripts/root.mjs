/** Where the repository lies, so that no script depends on the caller's working directory. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/**
 * @param {...string} parts path below the repository's root
 * @returns {string} absolute path
 */
export const fromRoot = (...parts) => join(root, ...parts)
