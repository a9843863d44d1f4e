#ifndef NAME_H
#define NAME_H

#ifdef __cplusplus
extern "C" {
#endif

PROTOTYPES

#ifdef __cplusplus
}
#endif

#endif
