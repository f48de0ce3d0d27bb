/** The commit of 0.6.0, the last release: nodes of it and of this tree form one cluster. */
export const LAST_RELEASE = '2060d07';
