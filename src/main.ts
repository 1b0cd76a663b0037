import './start/keep-inspector-shut.js';
import { enter } from './start/entry.js';

enter(() => import('./start/run-vault.js'));
