/** The commit of 0.10.0, the last release: nodes of it and of this tree form one cluster. */
export const LAST_RELEASE = '13e6019e';
