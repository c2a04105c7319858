/* The assembler's name of a C symbol: x86 prefixes an underscore. */
#ifndef FVM_LAYER_SYMBOL_H
#define FVM_LAYER_SYMBOL_H

#ifdef __i386__
#define FVM_SYMBOL(name) "_" name
#else
#define FVM_SYMBOL(name) name
#endif

#endif
