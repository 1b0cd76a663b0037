import './keep-inspector-shut.js';
import { enter } from './entry.js';

enter(() => import('./run-vault.js'));
