import './style/base.css';
import './style/models.css';
import './style/jobs.css';
import './style/start.css';
import './style/streams.css';
import './style/workspace.css';

import { Client } from './api/client';
import { App } from './app';
import { ask_key } from './panels/dialogs';
import { listen_to_keys } from './panels/shortcuts';

const app = new App(new Client(ask_key), document.getElementById('app')!);
listen_to_keys(() => app.workspace);
void app.follow_address();
